"""``workbook deploy``, ``workbook destroy``: the pipeline in an account, or on the local AWS."""
