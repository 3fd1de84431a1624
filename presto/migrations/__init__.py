"""The revisions of the API's tables. A test compares them with the tables as the code has them."""
