"""Green assets: what members do with them, one file a verb over one piece that makes acts of requests, and what is shown of them.

Nothing here sums up movements: what is shown is what the contracts keep, read when it was last looked at.
"""
