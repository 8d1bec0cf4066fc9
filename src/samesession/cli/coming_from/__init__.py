"""What an application that comes from another library has to change: `doctor --coming-from`.

`former` is the application as it is, `answers` the table of what becomes of each setting,
`plan` the diff, `losses` what that does not carry over, `loading` how an application is found that
has no sessions of ours yet, `report` how it is told, `option` what asks for it.
"""
