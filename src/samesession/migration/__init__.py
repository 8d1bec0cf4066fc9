"""Read the sessions of other libraries, and of the frameworks' own signed cookie. Pure.

One module for each library, with one class that does what `core.old_sessions` asks for. None
knows a store or a framework. Each is made of `(secret_keys, *, prefix, lifetime)`: the
application's keys as bytes, the newest first, the prefix that the library gives its keys in a
store, and the seconds for which its cookie counts. `readers.py` chooses among them by the names
in SESSION_MIGRATE_FROM.
"""
