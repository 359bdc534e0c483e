"""What a page shows of each task: a view per file, which registers itself; see `zoobot.report.view`."""

import importlib
import pkgutil

for _task in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_task.name)
