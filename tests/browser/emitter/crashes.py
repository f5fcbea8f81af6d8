"""Killing pages: SIGKILL for every renderer of the browsers that this test has started, and of no other."""

import psutil


def renderers() -> list[psutil.Process]:
    """Of the browsers below this process."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "--type=renderer" in process.cmdline():
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def kill_pages() -> None:
    """Every open page is gone at once, without a last word; the browser stays."""
    killed = renderers()
    assert killed, "no page to kill"
    for process in killed:
        process.kill()
    _, alive = psutil.wait_procs(killed, timeout=10)
    assert alive == []
