"""The sandbox's people and characters, and the demonstration of the main job."""
