"""The rules of services and orders: pure functions over typed values, which know no database, web or network."""
