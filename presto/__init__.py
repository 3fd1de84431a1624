"""The northbound API: orders for SD-WAN services over HTTP, carried out by the orchestrator."""
