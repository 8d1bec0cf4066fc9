"""Plan a migration from another library: `doctor --coming-from`.

`former` is the application as it is, `answers` the table of what becomes of each setting, `plan`
the diff, `losses` what the diff does not carry over. `loading` finds an application that does not
use samesession yet, `report` prints the result, and `option` is the option of the command.
"""
