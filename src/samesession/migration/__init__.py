"""Read the sessions of other libraries, and of the frameworks' own signed cookie. Pure.

There is one module for each library, with one class that implements `core.old_sessions`. None knows
stores or frameworks. Each is created from the application's keys as bytes, newest first, and with
these keyword arguments. `prefix` is that of the library's keys in a store. `lifetime` is the
seconds for which its cookie is valid. `max_bytes` limits what is decoded. `signed` refuses bare
ids. `readers.py` selects among them by the names in SESSION_MIGRATE_FROM. `old_ids.py` and
`kept.py` are shared.
"""
