"""Traffic of known load between two namespaces: iperf3 streams and ping, with parsed results."""

from testbed.traffic.datagrams import Exchange, exchange
from testbed.traffic.iperf import iperf3, received_bytes
from testbed.traffic.ping import PingResult, parse_ping, ping
from testbed.traffic.result import Interval, NoTraffic, TrafficError, TrafficResult, parse_iperf3
from testbed.traffic.transfer import Transfer, transfer

__all__ = [
    "Exchange",
    "Interval",
    "NoTraffic",
    "PingResult",
    "TrafficError",
    "TrafficResult",
    "Transfer",
    "exchange",
    "iperf3",
    "parse_iperf3",
    "parse_ping",
    "ping",
    "received_bytes",
    "transfer",
]
