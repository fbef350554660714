"""Sources of tax amounts: adapters of the port `TaxQuotes`."""
