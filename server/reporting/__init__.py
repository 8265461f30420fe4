"""Reports of a period, to be printed on A4 or taken away as a workbook."""
