"""A local assistant that coaches people hands-on in digital skills. Start reading at `pipeline.py`."""
