"""Mininet's logging, kept to Mininet: its import makes every logger of the process write without time or line ends."""

from __future__ import annotations

import logging

from mininet.log import MininetLogger

if logging.getLoggerClass() is MininetLogger:
    logging.setLoggerClass(logging.Logger)
