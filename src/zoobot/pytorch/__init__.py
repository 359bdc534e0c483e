"""Nothing but the import paths of Zoobot's published finetuning guide, re-exported."""
