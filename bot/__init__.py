"""colorizebot: what people talk to; adapters, the life of a request, the ledger, the fetcher, the web page."""
