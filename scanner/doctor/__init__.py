"""What a scan would find before it runs: rights, functions, traces. Asks AWS, each thing once.

Imports aws, traces, mapping, errors, model and text.
"""
