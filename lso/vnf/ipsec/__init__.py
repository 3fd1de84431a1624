"""What is particular to IPsec gateways: tunnels with another product, and what the wire between shows."""
