"""What `make run` says when everything is ready: the addresses, two requests to paste, and where things are."""

from collections.abc import Sequence

from deploy.local import brokers
from deploy.local.ports import HOST
from deploy.local.settings import LocalSettings

_POST = """\
curl -X POST -H 'Content-Type: application/json' -i '{url}/log' --data '{{
  "userId": "ABC12312XYZ", "sessionId": "XYZ45126ABC",
  "actions": [
    {{"time": "2013-10-18T21:37:28-06:00", "type": "CLICK",    "properties": {{"locationX": 52, "locationY": 11}}}},
    {{"time": "2018-10-18T21:37:30-06:00", "type": "VIEW",     "properties": {{"viewedId": "FDJKLHSLD"}}}},
    {{"time": "2018-10-18T21:37:30-06:00", "type": "NAVIGATE", "properties": {{"pageFrom": "communities", "pageTo": "inventory"}}}}
  ]}}'"""  # noqa: E501 - as in the README, to be pasted
_GET = "curl '{url}/log?userId=ABC12312XYZ&type=CLICK&startTime=2013-01-01T00:00:00Z&endTime=2014-01-01T00:00:00Z'"


def post_command(settings: LocalSettings) -> str:
    """The sample POST against this stack, ready to paste."""
    return _POST.format(url=f"http://{HOST}:{settings.producer_port}")


def get_command(settings: LocalSettings) -> str:
    """The sample GET that reads one of the three actions back."""
    return _GET.format(url=f"http://{HOST}:{settings.query_port}")


def places(settings: LocalSettings) -> Sequence[tuple[str, str]]:
    """What is where, a line each: a name and an address or a folder."""
    return (
        ("Log actions", f"POST http://{HOST}:{settings.producer_port}/log"),
        ("Read them", f"GET  http://{HOST}:{settings.query_port}/log"),
        ("Look at them", f"http://{HOST}:{settings.query_port}/   (make demo fills it)"),
        ("Sink's metrics", f"GET  http://{HOST}:{settings.consumer_port}/metrics"),
        ("ClickHouse", f"http://{HOST}:{settings.clickhouse_port}/play"),
        ("Kafka", brokers.bootstrap(brokers.nodes(settings))),
        ("Data", f"{settings.data_dir}   (make clean removes it)"),
        ("Logs", f"{settings.logs_dir}"),
        ("Passwords", f"{settings.data_dir / 'passwords.json'}"),
    )
