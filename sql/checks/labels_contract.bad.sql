-- Plants: A grade above the judge's scale.
update labels
set raw_grade = 9
