Console.WriteLine("begun");
Thread.Sleep(TimeSpan.FromMinutes(15));
