"""One module per page: rows of the read model in, a frozen view of words out. A template of the same name writes it."""
