"""Two IPsec gateways, each in front of a LAN host, on one underlay whose every packet is captured."""
