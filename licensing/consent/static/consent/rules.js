// What the rule editor does better with a script; without it everything still works.
(() => {
  "use strict";

  // A link to a field opens the clause that holds it; other links, as that to the content, do not.
  const reveal = () => {
    const target = /^#(set|wrong)-/.test(location.hash) && document.getElementById(location.hash.slice(1));
    if (!target) return;
    const clause = target.closest("details");
    if (clause) clause.open = true;
    // What is wrong is told below its field.
    const wrong = target.id.startsWith("wrong-");
    const place = (wrong && target.closest(".field, td, .controls")) || target;
    const field = place.querySelector("[aria-invalid=true]") || place.querySelector("input:not([type=hidden]), select, textarea");
    (field || target).focus({ preventScroll: true });
    (wrong ? target : clause || target).scrollIntoView({ block: "center" });
  };
  addEventListener("hashchange", reveal);
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[href^='#set-'], a[href^='#wrong-']");
    if (link && link.hash === location.hash) reveal();
  });

  // A long list gets a field to narrow it by.
  const filter = (list) => {
    if (list.querySelector(".narrow-by") || list.querySelectorAll(".tick").length < 12) return;
    const input = document.createElement("input");
    input.type = "search";
    input.className = "narrow-by";
    input.placeholder = list.dataset.filter;
    input.setAttribute("aria-label", list.dataset.filter);
    input.addEventListener("input", (event) => {
      event.stopPropagation();
      const wanted = input.value.trim().toLocaleLowerCase();
      for (const tick of list.querySelectorAll(".tick")) {
        tick.hidden = !tick.textContent.toLocaleLowerCase().includes(wanted);
      }
      for (const part of list.querySelectorAll(".continent")) {
        part.hidden = !part.querySelector(".tick:not([hidden])");
      }
    });
    input.addEventListener("change", (event) => event.stopPropagation());
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault();
    });
    const before = list.querySelector(".continents") || list.querySelector(".ticks");
    before.before(input);
  };
  const prepare = (root) => root.querySelectorAll("[data-filter]").forEach(filter);

  // What is wrong, or no longer, is told to assistive technology by the field itself.
  const tell = () => {
    for (const field of document.querySelectorAll("[aria-describedby*='wrong-']")) {
      const places = field.getAttribute("aria-describedby").split(" ");
      const wrong = places.some((id) => id.startsWith("wrong-") && document.getElementById(id)?.textContent.trim());
      if (wrong) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
  };

  const ready = () => {
    prepare(document);
    const faults = document.querySelector(".faults");
    if (faults) faults.focus();
    reveal();
    document.body.addEventListener("htmx:afterSettle", () => {
      prepare(document);
      tell();
    });
  };
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", ready);
  else ready();
})();
