"""The extensions: what neither the published Presto file nor the MEF APIs have, on a base path of its own."""
