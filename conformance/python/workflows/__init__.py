"""The workflows the cases run: the documented examples as programs, and tasks that meet the case at a rendezvous.

They are modules of their own because a runner in another process has to import them.
"""
