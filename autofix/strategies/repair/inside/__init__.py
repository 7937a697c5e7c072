"""The part of the search that runs inside the sandbox, with the project's own interpreter and pytest.

Standard library and pytest only, Python 3.9 or later; packed by `repair.packing`. Read `main`, then `search`.
"""
