"""``python -m zoobot.cli`` is ``zoobot``."""

from zoobot.cli import main

main()
