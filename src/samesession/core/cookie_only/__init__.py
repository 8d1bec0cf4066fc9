"""SESSION_TYPE "cookie": the session's data is in the cookie itself."""
