"""What Boreal does, by capability: the state and the commands of each room.

The rooms stand in one line and each may use those after it, through `public.py` only:
insights, checkout, entitlements, billing, finance, catalog, usage, customers, platform.
"""
