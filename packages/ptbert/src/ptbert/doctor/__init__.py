"""Reading programs of 2019, to say what differs for them, and reporting on this installation"""
