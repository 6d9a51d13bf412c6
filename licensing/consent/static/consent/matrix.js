// Opens the panel once it holds the answer, and leads a keyboard into it. Without this the places
// are plain links to pages.
document.addEventListener("htmx:afterSwap", (event) => {
  const panel = event.target;
  if (panel.id !== "why" || !panel.showPopover) return;
  if (!panel.matches(":popover-open")) panel.showPopover();
  panel.querySelector("h2")?.focus();
});
