"""The knowledge base: articles and their versions, and the search that finds the right one."""
