"""SESSION_TYPE "cookie": what a session holds travels in the cookie itself."""
