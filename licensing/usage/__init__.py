"""What platforms report: generations, batches, lineage."""
