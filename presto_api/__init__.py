"""The published APIs as types: what the server and its clients share. Needs neither of them."""
