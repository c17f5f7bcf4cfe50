def records(files, columns):
  """The records of CSV files, cut to some columns, with their place and whether they are whole.

  Cells stay text: what is a number or a date is decided in one place, after this.
  """
  import csv
  import io

  import apache_beam as beam
  from apache_beam.io import fileio

  rows_read = beam.metrics.Metrics.counter('transform', 'rows_read')

  def read(file):
    csv.field_size_limit(16 * 1024 * 1024)
    path = file.metadata.path
    text = io.TextIOWrapper(file.open(), encoding='utf-8-sig', errors='replace', newline='')
    rows = csv.reader(text)
    header = next(rows, [])
    missing = [column for column in columns if column not in header]
    if missing:
      raise ValueError(f'{path} has no column {missing}')
    positions = [header.index(column) for column in columns]
    record = 0
    for row in rows:
      # An empty line is no record.
      if row:
        record += 1
        rows_read.inc()
        cells = [row[position] if position < len(row) else '' for position in positions]
        yield beam.Row(file=path, record=record, whole=len(row) == len(header), cells=cells)

  types = beam.typehints.row_type.RowTypeConstraint.from_fields(
      [('file', str), ('record', int), ('whole', bool), ('cells', beam.typehints.List[str])])
  return (
      files
      | beam.Map(lambda file: file.pattern)
      | fileio.MatchAll()
      | fileio.ReadMatches()
      # Files are read by different workers.
      | beam.Reshuffle()
      | beam.FlatMap(read).with_output_types(types))
