"""What is known of a run, as the conditions of the report's sentences ask for it."""

from zoobot.report.findings.run import Findings

__all__ = ["Findings"]
