param location string
param tags object
param suffix string

resource logs 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: 'log-exp-${suffix}'
  location: location
  tags: tags
  properties: { sku: { name: 'PerGB2018' }, retentionInDays: 30, workspaceCapping: { dailyQuotaGb: 1 } }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-exp-${suffix}'
  location: location
  tags: tags
  kind: 'web'
  properties: { Application_Type: 'web', WorkspaceResourceId: logs.id, DisableLocalAuth: true }
}

output logsName string = logs.name
output insightsName string = insights.name
output insightsId string = insights.id

@description('Names the endpoint and the component; it authorizes nothing, since local authentication is off.')
output connection string = insights.properties.ConnectionString
