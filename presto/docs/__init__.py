"""The interactive documentation at `/docs`: OpenAPI documents out of our own models and routes, and a page for them."""
