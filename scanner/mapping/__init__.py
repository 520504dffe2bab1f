"""What a call needs: services, operations and parameters to permissions; which uses traces cannot show. Pure.

Imports iam, model and text; its knowledge is data, a file a subject with a source for each row.
"""
