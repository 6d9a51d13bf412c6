"""From usage to royalties: runs, parts, lines, postings."""
