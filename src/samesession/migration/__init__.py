"""Read the sessions of other libraries, and of the frameworks' own signed cookie. Pure.

One module for each library, with one class that does what `core.old_sessions` asks for. None
knows a store or a framework. Each is made of the application's keys as bytes, the newest first,
and by name `prefix`, what the library's keys begin with in a store, `lifetime`, the seconds for
which its cookie counts, `max_bytes`, what is decoded at most, and `signed`, whether a bare id is
refused. `readers.py` chooses among them by the names in SESSION_MIGRATE_FROM; `old_ids.py` and
`kept.py` are what they share.
"""
