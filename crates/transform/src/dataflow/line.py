def line(row):
  """A record as a line of CSV: its place, then its cells."""
  import csv
  import io

  import apache_beam as beam

  counter = beam.metrics.Metrics.counter
  if not row.whole:
    counter('transform', 'rows_malformed').inc()
    raise ValueError('more or fewer cells than the header')
  counter('transform', 'rows_kept').inc()
  text = io.StringIO()
  # The module quotes what the line's end is made of, so the end must be both; older versions of
  # Python leave a line break in a cell bare otherwise.
  csv.writer(text, lineterminator='\r\n').writerow([row.file, row.record, *row.cells])
  return text.getvalue()[:-2]
