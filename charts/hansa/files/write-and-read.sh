# Reports a case and reads it again at the entry that the receipt names.
receipt=$(hansa call ReportCase "$CASE")
echo "$receipt"
id=$(echo "$receipt" | sed -n 's/.*"subject_id": *"\([^"]*\)".*/\1/p')
seq=$(echo "$receipt" | sed -n 's/.*"seq": *"\([0-9]*\)".*/\1/p')
answer=$(hansa call GetCase "{\"city\": \"$CITY\", \"case\": \"$id\", \"at_least\": \"$seq\"}")
echo "$answer"
case $answer in
  *"\"case\":\"$id\""*) echo "case $id stands in the ledger of $CITY at entry $seq" ;;
  *) echo "expected case $id in the answer" >&2; exit 1 ;;
esac
