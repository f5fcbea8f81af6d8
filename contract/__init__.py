"""What the services agree on: the record on the topic, its names, the tables' names. No I/O.

Admission test for anything new here: would two services break if they disagreed on it?
"""
