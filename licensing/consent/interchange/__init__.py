"""A rule in the words of others: ODRL both ways, RSL and CAWG out. Pure: values in, values out."""
