"""The webhook: tells that findings are new or fixed. What fails here is a warning, never the end of a scan.

`notice_of` says what is told, a file a format how; `send` posts it. The address is a secret: nothing that
this room returns or raises holds any part of it.
"""

from scanner.notify.deliver import FORMATS, VARIABLE, Delivery, NotifyFormat, Webhook, deliver, run_link

__all__ = ["FORMATS", "VARIABLE", "Delivery", "NotifyFormat", "Webhook", "deliver", "run_link"]
