"""The RESTCONF operations of the published Presto API for SD-WAN (`presto-sdwan.yaml` 1.0.0-SNAPSHOT)."""
