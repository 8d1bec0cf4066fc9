"""Device-bound sessions (DBSC): what a browser proves, and where it does so."""
