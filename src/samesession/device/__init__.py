"""Device-bound sessions (DBSC): the proofs of browsers, and the endpoints for them."""
