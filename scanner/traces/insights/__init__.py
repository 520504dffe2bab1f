"""CloudWatch Logs Insights as a source: with Transaction Search on, spans are in a log group.

The aggregation runs inside AWS: the program receives distinct rows, however many spans there are.
"""
