"""The nodes of a running lab as values, and the file in its folder that lists them."""
