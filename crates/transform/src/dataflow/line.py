def line(row):
  """A record as a line of CSV: its place, then its cells."""
  import csv
  import io

  if not row.whole:
    raise ValueError('more or fewer cells than the header')
  text = io.StringIO()
  csv.writer(text, lineterminator='').writerow([row.file, row.record, *row.cells])
  return text.getvalue()
